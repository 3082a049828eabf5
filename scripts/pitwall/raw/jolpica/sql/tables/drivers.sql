select
    driver_ids.driver_id,
    driver.reference as driver_ref,
    driver.permanent_car_number as number,
    driver.abbreviation as code,
    driver.forename,
    driver.surname,
    driver.date_of_birth as dob,
    driver.nationality,
    driver.wikipedia as url
from dump.driver
inner join driver_ids
    on driver.id = driver_ids.dump_id
order by driver_ids.driver_id
