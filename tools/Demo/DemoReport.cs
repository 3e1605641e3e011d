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
        DemoTables.PrintLocations(console, server, platform.Keys.Select(tenant => tenant.Email), DemoTables.Shown(Path.Combine(server.Folder, "invoices")));
    }

    Table Events()
    {
        var table = DemoTables.New("Events", "Tenant", "Sent", "Accepted", "Late", "Duplicates", "Quarantined", "Not JSON", "Forged");
        foreach (var tenant in platform.Keys)
        {
            var outcome = expected.OutcomeOf(tenant);
            DemoTables.AddRow(table, tenant.Plan, outcome.Sent, outcome.Accepted, expected.LateOf(tenant), outcome.Duplicates, outcome.Rejected, outcome.Refused, outcome.Unauthorized);
        }

        return table.Caption("Late: reported after the invoice of its month. Not JSON and forged count whole deliveries.");
    }

    Table Models()
    {
        var table = DemoTables.New("Usage by model", "Tenant", "Model", "Requests", "Tokens", "Model cost, EUR");
        foreach (var (tenant, records) in platform)
        {
            foreach (var (model, sums) in records.Reported)
            {
                DemoTables.AddRow(table, tenant.Plan, model, sums.Requests, sums.Tokens, sums.Cost);
            }
        }

        return table;
    }

    Table Invoices()
    {
        var table = DemoTables.New("Invoices, EUR", "Tenant", "Number", "Period", "Tokens", "Base", "Overage", "Late", "Total", "PDF");
        foreach (var (tenant, records) in platform)
        {
            foreach (var invoice in records.Invoices)
            {
                DemoTables.AddRow(
                    table, tenant.Plan, invoice.Number, string.Create(CultureInfo.InvariantCulture, $"{invoice.PeriodStart:yyyy-MM-dd}"), invoice.Tokens,
                    invoice.Base, invoice.Overage, invoice.Late, invoice.Total, DemoTables.Shown(invoice.Pdf));
            }

            if (records.Invoices.Count == 0)
            {
                DemoTables.AddRow(table, tenant.Plan, "none", "not invoiced", records.Events.Tokens, "", "", "", "", "");
            }
        }

        return table;
    }

    Table Conservation()
    {
        var table = DemoTables.New("Conservation, in tokens", "Tenant", "Expected", "Events", "Counters", "Daily usage", "GET /v1/usage", "Invoice lines");
        foreach (var (tenant, records) in platform)
        {
            DemoTables.AddRow(
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
}
