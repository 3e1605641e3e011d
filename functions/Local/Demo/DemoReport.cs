using System.Globalization;
using Spectre.Console;

namespace ControlPlane.Local.Demo;

/// <summary>What the demo did, as tables, and where to look at it.</summary>
sealed class DemoReport(IAnsiConsole console, DemoServer server, Bookkeeping own, IReadOnlyDictionary<DemoTenant, PlatformBooks> platform)
{
    const int ShownDifferences = 20;

    public void Print(IReadOnlyList<string> differences)
    {
        console.Write(Events());
        console.Write(Models());
        console.Write(Invoices());
        console.Write(Conservation());
        Verdict(differences);
        WhereToLook();
    }

    Table Events()
    {
        var table = NewTable("Events", "Tenant", "Sent", "Accepted", "of them late", "Duplicates", "Quarantined", "Not JSON", "Forged");
        foreach (var tenant in platform.Keys)
        {
            var outcome = own.OutcomeOf(tenant);
            AddRow(table, tenant.Plan, outcome.Sent, outcome.Accepted, own.LateOf(tenant), outcome.Duplicates, outcome.Rejected, outcome.Refused, outcome.Unauthorized);
        }

        return table.Caption("Late: after the invoice of its month. Not JSON and forged count whole deliveries.");
    }

    Table Models()
    {
        var table = NewTable("Usage by model", "Tenant", "Model", "Requests", "Tokens", "Model cost, EUR");
        foreach (var (tenant, books) in platform)
        {
            foreach (var (model, sums) in books.Reported)
            {
                AddRow(table, tenant.Plan, model, sums.Requests, sums.Tokens, sums.Cost);
            }
        }

        return table;
    }

    Table Invoices()
    {
        var table = NewTable("Invoices, EUR", "Tenant", "Number", "Period", "Tokens", "Base", "Overage", "Late", "Total", "PDF");
        foreach (var (tenant, books) in platform)
        {
            foreach (var invoice in books.Invoices)
            {
                AddRow(
                    table, tenant.Plan, invoice.Number, string.Create(CultureInfo.InvariantCulture, $"{invoice.PeriodStart:yyyy-MM-dd}"), invoice.Tokens,
                    invoice.Base, invoice.Overage, invoice.Late, invoice.Total, Shown(invoice.Pdf));
            }

            if (books.Invoices.Count == 0)
            {
                AddRow(table, tenant.Plan, "none", "not invoiced", books.Events.Tokens, "", "", "", "", "");
            }
        }

        return table;
    }

    Table Conservation()
    {
        var table = NewTable("Conservation, in tokens", "Tenant", "Demo's books", "Events", "Counters", "Daily usage", "GET /v1/usage", "Invoice lines");
        foreach (var (tenant, books) in platform)
        {
            AddRow(
                table, tenant.Plan, own.SumsOf(tenant).Tokens, books.Events.Tokens, books.Counters.Tokens, books.DailyUsage.Tokens, books.ReportedSum.Tokens,
                tenant.EurPerMonth is null ? "trial" : books.Invoices.Sum(invoice => invoice.LineTokens));
        }

        return table;
    }

    void Verdict(IReadOnlyList<string> differences)
    {
        if (differences.Count == 0)
        {
            console.MarkupLine("[bold green]Nothing was lost, doubled or mispriced:[/] every answer, sum and invoice agrees with the demo's own books, to the token and the cent.");
            return;
        }

        console.MarkupLineInterpolated($"[bold red]{differences.Count} differences:[/]");
        foreach (var difference in differences.Take(ShownDifferences))
        {
            console.MarkupLineInterpolated($"  {difference}");
        }
    }

    void WhereToLook() => console.MarkupLineInterpolated($"""

        Mail          {Shown(server.Mail)} ({new MailFolder(server.Mail).Count} mails)
        Invoices      {Shown(Path.Combine(server.Folder, "invoices"))}
        Environments  {Shown(server.Environments)}

        Look around:  ./run --data {Shown(server.Folder)} --sandbox{(server.DatabaseName is { } name ? $" --database \"… Database={name}\"" : "")}
        then sign in at http://localhost:8080/login as {string.Join(" or ", platform.Keys.Select(tenant => tenant.Email))}
        with the password "{NewCustomer.Password}", or at http://localhost:8080/admin with the key in {Shown(Path.Combine(server.Folder, "operator.key"))}
        """);

    // Short where one stands in the folder above, as with ./run.
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
