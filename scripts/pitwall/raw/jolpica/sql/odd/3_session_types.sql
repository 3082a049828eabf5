select 'session type ' || sessions.type || ': no raw table has its ' || count(*) || ' entries, which are left out'
from sessions
inner join dump.sessionentry
    on sessions.session_id = sessionentry.session_id
where sessions.type not in ('R', 'SR', 'Q1', 'Q2', 'Q3', 'QA', 'QB')
group by sessions.type
order by sessions.type
