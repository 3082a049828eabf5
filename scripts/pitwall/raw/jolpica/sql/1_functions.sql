-- Durations of the dump are `hh:mm:ss`, with up to six decimals. A text of another form is no duration: NULL.
create macro as_milliseconds(duration) as
case
    when regexp_full_match(duration, '[0-9]+:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?')
        then
            cast(split_part(duration, ':', 1) as bigint) * 3600000
            + cast(split_part(duration, ':', 2) as bigint) * 60000
            + cast(round(cast(split_part(duration, ':', 3) as decimal(9, 6)) * 1000) as bigint)
end;

-- The milliseconds as text, or what is in their place: the conversion sets such a row aside.
create macro milliseconds_or_text(duration) as
coalesce(cast(as_milliseconds(duration) as varchar), duration);

-- Milliseconds as `h:mm:ss.mmm`, or `m:ss.mmm` if they are less than an hour.
create macro as_clock(ms) as
case
    when ms >= 3600000 then printf('%d:%02d:%02d.%03d', ms // 3600000, ms // 60000 % 60, ms // 1000 % 60, ms % 1000)
    else printf('%d:%02d.%03d', ms // 60000, ms // 1000 % 60, ms % 1000)
end;

create macro clock_or_text(duration) as
coalesce(as_clock(as_milliseconds(duration)), duration);

-- The gap to the winner's time, as Ergast writes it. Who is not behind the winner has no gap.
create macro as_time_of_result(duration, winner_ms) as
case
    when as_milliseconds(duration) - winner_ms between 1 and 59999
        then
            printf(
                '+%d.%03d',
                (as_milliseconds(duration) - winner_ms) // 1000,
                (as_milliseconds(duration) - winner_ms) % 1000
            )
    when as_milliseconds(duration) > winner_ms then '+' || as_clock(as_milliseconds(duration) - winner_ms)
    else clock_or_text(duration)
end;

-- A timestamp of the dump has an offset. NULL if the text is none.
create macro as_utc(text) as make_timestamp(epoch_us(try_cast(text as timestamptz)));
