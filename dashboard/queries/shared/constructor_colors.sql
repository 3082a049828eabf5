select
    dim_constructors.constructor_id,
    constructor_colors.on_light,
    constructor_colors.on_dark
from marts.dim_constructors
left join seeds.constructor_colors on dim_constructors.constructor_ref = constructor_colors.constructor_ref
order by dim_constructors.constructor_id
