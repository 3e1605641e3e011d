using System.Diagnostics;
using Spectre.Console;

namespace ControlPlane.Demo.Months;

/// <summary>Several months of six customers in sandbox time over the real HTTP interface: what they pay and do not pay, with every mail on disk and a check that the amounts balance.</summary>
public sealed class MonthsRun : IAsyncDisposable
{
    public const int Fewest = 2;
    public const int Most = 24;

    /// <summary>After the invoices of the night were charged.</summary>
    static readonly TimeSpan WorkingHour = TimeSpan.FromHours(10);

    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    static readonly Dictionary<string, string?> Seller = new()
    {
        ["CONTROLPLANE_SELLER_NAME"] = "Demo Platform GmbH",
        ["CONTROLPLANE_SELLER_STREET"] = "Beispielweg 1",
        ["CONTROLPLANE_SELLER_POSTAL_CODE"] = "10115",
        ["CONTROLPLANE_SELLER_CITY"] = "Berlin",
        ["CONTROLPLANE_SELLER_COUNTRY"] = "DE",
        ["CONTROLPLANE_SELLER_VAT_ID"] = "DE136695976",
        ["CONTROLPLANE_SELLER_IBAN"] = "DE02120300000000202051",
        ["CONTROLPLANE_TAX"] = "regular",
    };

    readonly IAnsiConsole _console;
    readonly int _months;
    readonly List<MonthsAccount> _accounts = [];
    readonly List<string> _differences = [];

    MonthsRun(IAnsiConsole console, DemoServer server, int months) => (_console, Server, _months) = (console, server, months);

    public DemoServer Server { get; }
    public IReadOnlyList<MonthsAccount> Accounts => _accounts;

    /// <param name="parent">The demo creates its own folder in here.</param>
    /// <param name="database">Connection string of a server on which to create the demo's database; null: an embedded server.</param>
    public static async Task<MonthsRun> StartAsync(string parent, string? database, int months, IAnsiConsole console, CancellationToken ct) =>
        new(console, await DemoServer.StartAsync(parent, database, Start, ct, Seller), months);

    /// <summary>Signs the customers up, advances the clock day by day, and ends on the morning on which the last month is charged.</summary>
    public async Task PlayAsync(CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var signup = new NewCustomer(Server.Address, new MailFolder(Server.Mail));
        // Roles belong to the whole PostgreSQL server: on a shared one, the slugs must be unique to this demo.
        var suffix = Server.DatabaseName is null ? "" : $"-{Ids.New(TimeProvider.System).ToString("N")[^8..]}";
        foreach (var customer in MonthsCustomer.Cast(_months))
        {
            var named = customer with { Tenant = customer.Tenant with { Slug = customer.Tenant.Slug + suffix } };
            var account = new MonthsAccount(named, await signup.SignUpAsync(named.Tenant, ct), Server, Start, ct);
            _accounts.Add(account);
            await account.EnterAddressAsync();
        }

        await _console.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn()).StartAsync(async progress =>
        {
            var end = Start.AddMonths(_months);
            var task = progress.AddTask($"{_months} months", maxValue: (end - Start).Days);
            for (var now = Start + WorkingHour; now < end; now = now.AddDays(1))
            {
                await MoveAsync(now, ct);
                foreach (var account in _accounts)
                {
                    await account.LiveAsync(now, ((now.Year - Start.Year) * 12) + now.Month - Start.Month + 1, now.Day);
                }

                task.Increment(1);
            }

            await MoveAsync(end + WorkingHour, ct);
        });
        _console.MarkupLineInterpolated($"{_months} months of {_accounts.Count} customers took {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s.");
    }

    /// <summary>Compares and prints.</summary>
    /// <returns>The number of differences; 0 is a pass.</returns>
    public async Task<int> CheckAsync(CancellationToken ct)
    {
        var mails = new MailFolder(Server.Mail).Read();
        var report = new MonthsReport(_console, Start, _months);
        foreach (var account in _accounts)
        {
            var records = await MonthsRecords.ReadAsync(Server.Database, account.Id, ct);
            report.Print(account, records, mails);
            _differences.AddRange(BooksCheck.Differences(account.Customer, account.Books, records, _months));
            _differences.AddRange(BooksCheck.Unmailed(account.Customer, records, mails));
        }

        var numbers = await MonthsRecords.NumbersAsync(Server.Database, ct);
        _differences.AddRange(BooksCheck.Gaps(numbers));
        if (_differences.Count == 0)
        {
            _console.MarkupLineInterpolated($"[bold green]The amounts balance:[/] {numbers.Count} invoices without a gap, each mailed once, each cent and token as the demo's own books have it.");
        }

        foreach (var difference in _differences)
        {
            _console.MarkupLineInterpolated($"[bold red]Difference:[/] {difference}");
        }

        DemoTables.PrintLocations(_console, Server, _accounts.Select(account => account.Customer.Tenant.Email), "attached to the emails");
        return _differences.Count;
    }

    public async ValueTask DisposeAsync()
    {
        _accounts.ForEach(account => account.Dispose());
        await Server.DisposeAsync();
    }

    async Task MoveAsync(DateTimeOffset now, CancellationToken ct) => _differences.AddRange(await Server.MoveClockAsync(now, ct));
}
