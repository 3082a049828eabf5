select
    circuit_ids.circuit_id,
    circuit.reference as circuit_ref,
    circuit.name,
    circuit.locality as location,
    circuit.country,
    circuit.latitude as lat,
    circuit.longitude as lng,
    circuit.altitude as alt,
    circuit.wikipedia as url
from dump.circuit
inner join circuit_ids
    on circuit.id = circuit_ids.dump_id
order by circuit_ids.circuit_id
