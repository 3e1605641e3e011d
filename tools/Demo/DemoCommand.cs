using System.CommandLine;
using ControlPlane.Demo.Months;
using Spectre.Console;

namespace ControlPlane.Demo;

/// <summary><c>./run demo [options]</c>.</summary>
public static class DemoCommand
{
    /// <summary>Columns; wide enough for every table when the output is not a terminal.</summary>
    const int WidthWithoutTerminal = 150;

    static readonly Option<FileInfo[]> Traces = new("--trace")
    {
        Description = "Trace to replay, CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens, plain or .gz; may be repeated. "
            + "Without it, a trace is generated",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
        HelpName = "FILE",
    };
    static readonly Option<int> Calls = new("--calls") { Description = "LLM calls in a generated trace", DefaultValueFactory = _ => 10_000 };
    static readonly Option<int> Seed = new("--seed") { Description = "Random seed: the same seed plays the same demo", DefaultValueFactory = _ => 1 };
    static readonly Option<int?> MonthsToPlay = new("--months")
    {
        Description = "Play this many months of six customers instead: one pays, one fails and then pays, one upgrades, one cancels and returns, one pays by bank transfer, "
            + "one never pays. Shows the invoices, stages and mails of each, and checks that the amounts balance",
    };

    const string Description = """
        Play two months of three tenants at full speed, and check every token and cent.

        Starts a sandbox of its own on a free port, in a new folder demo-… inside --data; other installations are not touched. Three tenants sign up
        in the web form, confirm the links in their emails and report their LLM calls as signed webhooks, with repeated, late, broken and forged
        deliveries mixed in. The clock advances day by day from 2026-01-01, so nightly and billing jobs run as scheduled. At the end, the demo compares
        every response, sum and invoice with its own accounting, and exits with 1 if anything differs.
        """;

    public static Task<int> RunAsync(string[] args)
    {
        Calls.Validators.Add(calls =>
        {
            if (calls.GetValueOrDefault<int>() is < 1 or > 10_000_000)
            {
                calls.AddError("--calls must be between 1 and 10000000.");
            }
        });
        MonthsToPlay.Validators.Add(months =>
        {
            if (months.GetValueOrDefault<int?>() is < MonthsRun.Fewest or > MonthsRun.Most)
            {
                months.AddError($"--months must be between {MonthsRun.Fewest} and {MonthsRun.Most}.");
            }
        });
        var root = new RootCommand(Description) { CommandLine.Data, CommandLine.Database, MonthsToPlay, Traces, Calls, Seed };
        root.SetAction((parsed, _) => CommandLine.GuardedAsync(ct => parsed.GetValue(MonthsToPlay) is { } months
            ? RunMonthsAsync(parsed.GetRequiredValue(CommandLine.Data), parsed.GetValue(CommandLine.Database), months, ct)
            : RunAsync(new DemoOptions(
                parsed.GetRequiredValue(CommandLine.Data), parsed.GetValue(CommandLine.Database), parsed.GetRequiredValue(Traces), parsed.GetValue(Calls),
                parsed.GetValue(Seed)),
            ct)));
        return CommandLine.InvokeAsync(root, args);
    }

    static async Task RunAsync(DemoOptions options, CancellationToken ct)
    {
        await using var demo = await DemoRun.StartAsync(options, ForOutput(), ct);
        await demo.PlayAsync(ct);
        Judge(await demo.CheckAsync(ct));
    }

    static async Task RunMonthsAsync(string data, string? database, int months, CancellationToken ct)
    {
        await using var demo = await MonthsRun.StartAsync(data, database, months, ForOutput(), ct);
        await demo.PlayAsync(ct);
        Judge(await demo.CheckAsync(ct));
    }

    static void Judge(int differences)
    {
        if (differences > 0)
        {
            throw new CommandFailedException($"The demo failed: {differences} differences, listed above.");
        }
    }

    static IAnsiConsole ForOutput() => Console.IsOutputRedirected ? PlainConsole(Console.Out) : AnsiConsole.Console;

    /// <summary>Plain lines and tables for output that is not a terminal: a progress bar becomes an occasional line.</summary>
    public static IAnsiConsole PlainConsole(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = WidthWithoutTerminal;
        return console;
    }
}
