using System.Globalization;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Usage of the past weeks up to yesterday, with counters and daily usage: 1 M events per day from 100 tenants with 60 users each.</summary>
static class Dataset
{
    public const long EventsPerDay = 1_000_000;

    /// <summary>Insert statements per day.</summary>
    const int Slices = 4;

    public static DateOnly LastDay => DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(-1);

    /// <summary>Fills the tables up to a number of events, newest days first.</summary>
    public static async Task EnsureAsync(BenchEnvironment environment, long events, CancellationToken ct)
    {
        var days = (int)Math.Max(1, events / EventsPerDay);
        if (await environment.ScalarAsync<long>("select count(*) from control.daily_usage", ct) == 0)
        {
            await environment.EmptyAsync(ct);
        }

        var missing = new List<DateOnly>();
        for (var back = 0; back < days; back++)
        {
            var day = LastDay.AddDays(-back);
            if (!await environment.ScalarAsync<bool>($"select exists (select from control.daily_usage where day = '{Text(day)}')", ct))
            {
                missing.Add(day);
            }
        }

        if (missing.Count == 0)
        {
            return;
        }

        foreach (var month in missing.Select(day => new DateOnly(day.Year, day.Month, 1)).Distinct())
        {
            await environment.ScalarAsync<bool>($"select control.ensure_usage_partition('{Text(month)}')", ct);
        }

        var unique = await UniqueIndexesAsync(environment, ct);
        foreach (var (_, name) in unique)
        {
            await environment.ExecuteAsync($"drop index control.{name}", ct);
        }

        await Parallel.ForEachAsync(
            missing.Order().SelectMany(day => Enumerable.Range(0, Slices).Select(slice => (day, slice))), new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = ct },
            async (part, ct) => await environment.ExecuteAsync(Insert(environment, part.day, part.slice), ct));
        foreach (var (partition, _) in unique)
        {
            await environment.ExecuteAsync($"create unique index on control.{partition} (tenant_id, id)", ct);
        }

        var first = missing.Min();
        var last = missing.Max();
        await environment.ExecuteAsync(
            string.Create(CultureInfo.InvariantCulture, $"""
                insert into control.usage_counter
                select tenant_id, (occurred_at at time zone 'UTC')::date, model, user_id, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost)
                from control.usage_event where occurred_at >= '{first:yyyy-MM-dd}' and occurred_at < '{last.AddDays(1):yyyy-MM-dd}' group by 1, 2, 3, 4;
                insert into control.daily_usage select * from control.usage_counter where day between '{first:yyyy-MM-dd}' and '{last:yyyy-MM-dd}';
                insert into control.usage_day select tenant_id, day, 1 from control.usage_counter where day between '{first:yyyy-MM-dd}' and '{last:yyyy-MM-dd}' group by 1, 2;
                insert into control.rolled_up_day select * from control.usage_day where day between '{first:yyyy-MM-dd}' and '{last:yyyy-MM-dd}'
                """),
            ct);
        foreach (var table in new[] { "usage_event", "usage_counter", "daily_usage", "usage_day", "rolled_up_day" })
        {
            await environment.ExecuteAsync($"vacuum analyze control.{table}", ct);
        }

        await environment.ExecuteAsync("checkpoint", ct);
    }

    /// <summary>Deletes the rollup of a day, so that the nightly job has to rebuild it.</summary>
    public static Task DeleteRollupAsync(BenchEnvironment environment, DateOnly day, CancellationToken ct) => environment.ExecuteAsync(
        $"delete from control.daily_usage where day = '{Text(day)}'; delete from control.rolled_up_day where day = '{Text(day)}'", ct);

    static string Insert(BenchEnvironment environment, DateOnly day, int slice) => string.Create(CultureInfo.InvariantCulture, $"""
        insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period)
        select case n % 100 when 0 then '{environment.Tenants[0].Id}'::uuid else ('00000000-0000-7000-8000-' || lpad((n % 100)::text, 12, '0'))::uuid end,
               replace(gen_random_uuid()::text, '-', ''), '{day:yyyy-MM-dd}'::timestamptz + n * interval '86.4 ms', '{day:yyyy-MM-dd}'::timestamptz + n * interval '86.4 ms',
               'user-' || lpad((n / 100 % 60)::text, 2, '0'), 'chat-' || n % 9973, (array['mistral:7b-instruct', 'gpt-4-turbo', 'claude-3-opus'])[1 + n / 6000 % 3],
               n * 37 % 4000, n * 13 % 900, n % 4900 / 100000.0, 1
        from generate_series({slice * EventsPerDay / Slices}, {((slice + 1) * EventsPerDay / Slices) - 1}) n
        """);

    static async Task<List<(string Partition, string Index)>> UniqueIndexesAsync(BenchEnvironment environment, CancellationToken ct)
    {
        var found = new List<(string, string)>();
        await using var command = environment.Database.CreateCommand(
            "select i.indrelid::regclass::text, i.indexrelid::regclass::text from pg_index i join pg_inherits h on h.inhrelid = i.indrelid "
            + "where h.inhparent = 'control.usage_event'::regclass and i.indisunique");
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            found.Add((reader.GetString(0).Split('.')[^1], reader.GetString(1).Split('.')[^1]));
        }

        return found;
    }

    static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
