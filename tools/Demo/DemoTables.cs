using System.Globalization;
using Spectre.Console;

namespace ControlPlane.Demo;

/// <summary>What the reports of both demos share: how tables look, and where to inspect the rest.</summary>
static class DemoTables
{
    public static Table New(string title, params string[] columns)
    {
        var table = new Table().Title($"[bold]{Markup.Escape(title)}[/]").RoundedBorder();
        foreach (var column in columns)
        {
            table.AddColumn(column, c => c.NoWrap = column is not ("PDF" or "Stages"));
        }

        return table;
    }

    public static void AddRow(Table table, params object[] cells) => table.AddRow(cells.Select(cell => cell switch
    {
        long number => new Text(number.ToString("N0", CultureInfo.InvariantCulture)).RightJustified(),
        decimal amount => new Text(amount.ToString("N2", CultureInfo.InvariantCulture)).RightJustified(),
        _ => new Text($"{cell}"),
    }));

    public static void PrintLocations(IAnsiConsole console, DemoServer server, IEnumerable<string> emails, string invoices) => console.MarkupLineInterpolated($"""

        Mail          {Shown(server.Mail)} ({new MailFolder(server.Mail).Count} emails)
        Invoices      {invoices}
        Environments  {Shown(server.Environments)}

        Explore it:   ./run --data {Shown(server.Folder)} --sandbox{(server.DatabaseName is { } name ? $" --database \"… Database={name}\"" : "")}
        Then sign in at http://localhost:8080/login as {string.Join(" or ", emails)}
        with the password "{NewCustomer.Password}", or at http://localhost:8080/admin with the key in {Shown(Path.Combine(server.Folder, "operator.key"))}
        """);

    /// <summary>Relative when the working directory is above it, as with ./run.</summary>
    public static string Shown(string path) =>
        Path.GetRelativePath(Environment.CurrentDirectory, path) is var relative && relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
}
