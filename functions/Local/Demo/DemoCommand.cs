using System.CommandLine;
using Spectre.Console;

namespace ControlPlane.Local.Demo;

/// <summary><c>./run demo</c>.</summary>
public static class DemoCommand
{
    /// <summary>Wide enough for every table, where no terminal says how wide it is.</summary>
    const int WidthWithoutTerminal = 150;

    static readonly Option<FileInfo[]> Traces = new("--trace")
    {
        Description = "Trace to replay, CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens, plain or .gz; may be given several times. "
            + "Without it a trace is generated",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
        HelpName = "FILE",
    };
    static readonly Option<int> Calls = new("--calls") { Description = "LLM calls in a generated trace", DefaultValueFactory = _ => 10_000 };
    static readonly Option<int> Seed = new("--seed") { Description = "What chance begins with: the same seed plays the same demo", DefaultValueFactory = _ => 1 };

    const string Does = """
        Play two months of three tenants at full speed, and check every token and cent.

        Starts a sandbox of its own on a free port, in a new folder demo-… inside --data; other installations are not touched. Three tenants sign up
        in the web form, confirm the links in their mails and report their LLM calls as signed webhooks, with repeated, late, broken and forged
        deliveries mixed in. The clock is moved day by day from 2026-01-01, so nightly and billing jobs run as scheduled. In the end the demo compares
        every answer, sum and invoice with its own books, and exits with 1 when anything differs. --port, --sandbox and --clock have no effect here.
        """;

    /// <param name="guarded">Runs it with the options that all commands share; tells what went wrong in one line.</param>
    internal static Command Create(Func<ParseResult, Func<RunOptions, CancellationToken, Task>, Task<int>> guarded)
    {
        Calls.Validators.Add(calls =>
        {
            if (calls.GetValueOrDefault<int>() is < 1 or > 10_000_000)
            {
                calls.AddError("--calls must be between 1 and 10000000.");
            }
        });
        var command = new Command("demo", Does) { Traces, Calls, Seed };
        command.SetAction((parsed, ct) => guarded(parsed, (options, stop) => RunAsync(
            new DemoOptions(options.Data, options.Database, parsed.GetRequiredValue(Traces), parsed.GetValue(Calls), parsed.GetValue(Seed)), stop)));
        return command;
    }

    static async Task RunAsync(DemoOptions options, CancellationToken ct)
    {
        await using var demo = await DemoRun.StartAsync(options, Console.IsOutputRedirected ? PlainConsole(Console.Out) : AnsiConsole.Console, ct);
        await demo.PlayAsync(ct);
        if (await demo.CheckAsync(ct) is > 0 and var differences)
        {
            throw new DemoFailureException($"The demo failed: {differences} differences, listed above.");
        }
    }

    /// <summary>Lines and tables without colours, where nobody watches: a progress bar becomes a line now and then.</summary>
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
