using System.Diagnostics;
using Spectre.Console;

namespace ControlPlane.Demo;

/// <param name="Data">The demo creates its own folder in here.</param>
/// <param name="Database">Connection string of a server on which to create the demo's database; null: an embedded server.</param>
/// <param name="Traces">Files to replay; none: a generated trace of <paramref name="Calls"/> calls.</param>
public sealed record DemoOptions(string Data, string? Database, IReadOnlyList<FileInfo> Traces, int Calls, int Seed);

/// <summary>Two months of three tenants in sandbox time over the real HTTP interface, with a check that nothing was lost, duplicated or mispriced.</summary>
public sealed class DemoRun : IAsyncDisposable
{
    public const int Months = 2;

    /// <summary>Concurrent deliveries.</summary>
    const int Connections = 6;

    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = Start.AddMonths(Months);

    readonly IAnsiConsole _console;
    readonly DemoServer _server;
    readonly IReadOnlyList<DemoTenant> _tenants;
    readonly List<DemoDay> _script;
    readonly long _tokensOfTrace;
    readonly ExpectedAccounting _expected = new(Start);
    readonly List<string> _differences = [];
    readonly List<DemoAccount> _accounts = [];

    DemoRun(IAnsiConsole console, DemoServer server, IReadOnlyList<DemoTenant> tenants, List<DemoDay> script, long tokensOfTrace) =>
        (_console, _server, _tenants, _script, _tokensOfTrace) = (console, server, tenants, script, tokensOfTrace);

    public DemoServer Server => _server;
    public IReadOnlyList<DemoAccount> Accounts => _accounts;

    public static async Task<DemoRun> StartAsync(DemoOptions options, IAnsiConsole console, CancellationToken ct)
    {
        var days = (End - Start).Days;
        var trace = options.Traces.Count > 0 ? TraceFile.ReadAll(options.Traces) : TraceGenerator.Calls(options.Seed, options.Calls, Start, days);
        console.MarkupLineInterpolated($"""
            [bold]{trace.Count:N0} LLM calls[/] {(options.Traces.Count > 0 ? $"of {string.Join(", ", options.Traces.Select(file => file.Name))}" : "of a generated trace")}
            The trace names no tenant, user or model: its calls are spread over {days} days in order of arrival and assigned at random, with seed {options.Seed}.
            """);
        // Roles belong to the whole PostgreSQL server: on a shared one, the slugs must be unique to this demo.
        var suffix = options.Database is null ? "" : $"-{Ids.New(TimeProvider.System).ToString("N")[^8..]}";
        var tenants = DemoTenant.All.Select(tenant => tenant with { Slug = tenant.Slug + suffix }).ToList();
        var script = DemoScript.Write(trace, Start, days, options.Seed, tenants);
        var server = await DemoServer.StartAsync(options.Data, options.Database, Start, ct);
        return new DemoRun(console, server, tenants, script, trace.Sum(call => call.PromptTokens + call.CompletionTokens));
    }

    /// <summary>Signs the tenants up, advances the clock day by day, and ends on the morning after the second invoices.</summary>
    public async Task PlayAsync(CancellationToken ct)
    {
        var customer = new NewCustomer(_server.Address, new MailFolder(_server.Mail));
        foreach (var tenant in _tenants)
        {
            _accounts.Add(await customer.SignUpAsync(tenant, ct));
            _console.MarkupLineInterpolated($"{tenant.Organization} signed up for {tenant.Plan} and confirmed its email: {tenant.Slug}");
        }

        using var http = _server.NewClient(key: null);
        var senders = _accounts.ToDictionary(account => account.Tenant, account => new UsageSender(http, account));
        var events = _script.Sum(day => day.Deliveries.Sum(delivery => delivery.Expected.Sent));
        var (sending, began) = (TimeSpan.Zero, Stopwatch.GetTimestamp());
        await _console.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn()).StartAsync(async progress =>
        {
            var task = progress.AddTask("Two months", maxValue: events);
            foreach (var day in _script)
            {
                _differences.AddRange(await _server.MoveClockAsync(day.Clock, ct));
                var started = Stopwatch.GetTimestamp();
                await SendAsync(day, senders, sent => task.Increment(sent), ct);
                sending += Stopwatch.GetElapsedTime(started);
                task.Description = $"{day.Clock:d MMMM yyyy}";
            }

            // Later than the invoices and the nightly job.
            _differences.AddRange(await _server.MoveClockAsync(End.AddHours(6), ct));
            task.Description = "Two months";
            task.Value = task.MaxValue;
        });
        _console.MarkupLineInterpolated($"""
            {events:N0} events in {_script.Sum(day => day.Deliveries.Sum(delivery => delivery.Times)):N0} requests took {sending.TotalSeconds:0.0} s: [bold]{events / sending.TotalSeconds:N0} events per second[/]
            Two months of jobs took {(Stopwatch.GetElapsedTime(began) - sending).TotalSeconds:0.0} s.
            """);
    }

    /// <summary>Compares and prints.</summary>
    /// <returns>The number of differences; 0 is a pass.</returns>
    public async Task<int> CheckAsync(CancellationToken ct)
    {
        var read = new ReadPlatformRecords(_server, Path.Combine(_server.Folder, "invoices"));
        var platform = new Dictionary<DemoTenant, PlatformRecords>();
        foreach (var account in _accounts)
        {
            var records = await read.RunAsync(account, DateOnly.FromDateTime(Start.UtcDateTime), DateOnly.FromDateTime(End.UtcDateTime).AddDays(1), ct);
            platform[account.Tenant] = records;
            _differences.AddRange(ConservationCheck.Differences(account.Tenant, _expected, records));
        }

        var tokens = _tenants.Sum(tenant => _expected.SumsOf(tenant).Tokens);
        if (tokens != _tokensOfTrace)
        {
            _differences.Add(FormattableString.Invariant($"The trace has {_tokensOfTrace} tokens, the demo reported {tokens}"));
        }

        new DemoReport(_console, _server, _expected, platform).Print(_differences);
        return _differences.Count;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    async Task SendAsync(DemoDay day, Dictionary<DemoTenant, UsageSender> senders, Action<long> sent, CancellationToken ct) =>
        await Parallel.ForEachAsync(day.Deliveries, new ParallelOptions { MaxDegreeOfParallelism = Connections, CancellationToken = ct }, async (delivery, stop) =>
        {
            var (_, differences) = await senders[delivery.Tenant].SendAsync(delivery, stop);
            lock (_differences)
            {
                _expected.Add(delivery, day.Clock);
                _differences.AddRange(differences);
                sent(delivery.Expected.Sent);
            }
        });
}
