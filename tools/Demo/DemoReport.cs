using System.Globalization;
using Spectre.Console;

namespace ControlPlane.Demo;

/// <summary>The results of the demo as tables, and where to inspect them.</summary>
sealed class DemoReport(IAnsiConsole console, DemoServer server, ExpectedAccounting expected, IReadOnlyDictionary<DemoTenant, PlatformRecords> platform)
{
    const int ShownDifferences = 20;

    public void Print(IReadOnlyList<string> differences)
    {
        console.Write(Events());
        console.Write(Models());
        console.Write(Invoices());
        console.Write(Conservation());
        PrintVerdict(differences);
        PrintLocations();
    }

    Table Events()
    {
        var table = NewTable("Events", "Tenant", "Sent", "Accepted", "Late", "Duplicates", "Quarantined", "Not JSON", "Forged");
        foreach (var tenant in platform.Keys)
        {
            var outcome = expected.OutcomeOf(tenant);
            AddRow(table, tenant.Plan, outcome.Sent, outcome.Accepted, expected.LateOf(tenant), outcome.Duplicates, outcome.Rejected, outcome.Refused, outcome.Unauthorized);
        }

        return table.Caption("Late: reported after the invoice of its month. Not JSON and forged count whole deliveries.");
    }

    Table Models()
    {
        var table = NewTable("Usage by model", "Tenant", "Model", "Requests", "Tokens", "Model cost, EUR");
        foreach (var (tenant, records) in platform)
        {
            foreach (var (model, sums) in records.Reported)
            {
                AddRow(table, tenant.Plan, model, sums.Requests, sums.Tokens, sums.Cost);
            }
        }

        return table;
    }

    Table Invoices()
    {
        var table = NewTable("Invoices, EUR", "Tenant", "Number", "Period", "Tokens", "Base", "Overage", "Late", "Total", "PDF");
        foreach (var (tenant, records) in platform)
        {
            foreach (var invoice in records.Invoices)
            {
                AddRow(
                    table, tenant.Plan, invoice.Number, string.Create(CultureInfo.InvariantCulture, $"{invoice.PeriodStart:yyyy-MM-dd}"), invoice.Tokens,
                    invoice.Base, invoice.Overage, invoice.Late, invoice.Total, Shown(invoice.Pdf));
            }

            if (records.Invoices.Count == 0)
            {
                AddRow(table, tenant.Plan, "none", "not invoiced", records.Events.Tokens, "", "", "", "", "");
            }
        }

        return table;
    }

    Table Conservation()
    {
        var table = NewTable("Conservation, in tokens", "Tenant", "Expected", "Events", "Counters", "Daily usage", "GET /v1/usage", "Invoice lines");
        foreach (var (tenant, records) in platform)
        {
            AddRow(
                table, tenant.Plan, expected.SumsOf(tenant).Tokens, records.Events.Tokens, records.Counters.Tokens, records.DailyUsage.Tokens, records.ReportedSum.Tokens,
                tenant.EurPerMonth is null ? "trial" : records.Invoices.Sum(invoice => invoice.LineTokens));
        }

        return table;
    }

    void PrintVerdict(IReadOnlyList<string> differences)
    {
        if (differences.Count == 0)
        {
            console.MarkupLine("[bold green]Nothing was lost, duplicated or mispriced:[/] every response, sum and invoice matches the demo's own accounting, to the token and the cent.");
            return;
        }

        console.MarkupLineInterpolated($"[bold red]{differences.Count} differences:[/]");
        foreach (var difference in differences.Take(ShownDifferences))
        {
            console.MarkupLineInterpolated($"  {difference}");
        }
    }

    void PrintLocations() => console.MarkupLineInterpolated($"""

        Mail          {Shown(server.Mail)} ({new MailFolder(server.Mail).Count} emails)
        Invoices      {Shown(Path.Combine(server.Folder, "invoices"))}
        Environments  {Shown(server.Environments)}

        Explore it:   ./run --data {Shown(server.Folder)} --sandbox{(server.DatabaseName is { } name ? $" --database \"… Database={name}\"" : "")}
        Then sign in at http://localhost:8080/login as {string.Join(" or ", platform.Keys.Select(tenant => tenant.Email))}
        with the password "{NewCustomer.Password}", or at http://localhost:8080/admin with the key in {Shown(Path.Combine(server.Folder, "operator.key"))}
        """);

    // Relative when the working directory is above it, as with ./run.
    static string Shown(string path) =>
        Path.GetRelativePath(Environment.CurrentDirectory, path) is var relative && relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;

    static Table NewTable(string title, params string[] columns)
    {
        var table = new Table().Title($"[bold]{title}[/]").RoundedBorder();
        foreach (var column in columns)
        {
            table.AddColumn(column, c => c.NoWrap = column != "PDF");
        }

        return table;
    }

    static void AddRow(Table table, params object[] cells) => table.AddRow(cells.Select(cell => cell switch
    {
        long number => new Text(number.ToString("N0", CultureInfo.InvariantCulture)).RightJustified(),
        decimal amount => new Text(amount.ToString("N2", CultureInfo.InvariantCulture)).RightJustified(),
        _ => new Text($"{cell}"),
    }));
}
