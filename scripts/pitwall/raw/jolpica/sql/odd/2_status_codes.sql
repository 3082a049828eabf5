select
    'status code ' || dump.sessionentry.status || ' is not known: the status of its ' || count(*)
    || ' entries is the text of the dump, or `Status ' || dump.sessionentry.status || '`'
from dump.sessionentry
left join status_codes
    on sessionentry.status = status_codes.code
where status_codes.code is null and sessionentry.status is not null
group by dump.sessionentry.status
order by dump.sessionentry.status
