using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ControlPlane.Local;

/// <summary><c>./run [COMMAND] [options]</c>. Options may stand before or after the command.</summary>
static class CommandLine
{
    static readonly Option<int> Port = new("--port") { Description = "Port to listen on", DefaultValueFactory = _ => 8080, Recursive = true };
    static readonly Option<string> Data = new("--data")
    {
        Description = "Folder of the database, keys, mail and rendered environments",
        Recursive = true,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("CONTROLPLANE_DATA") ?? ".local",
    };
    static readonly Option<bool> Sandbox = new("--sandbox")
    {
        Description = "Test clock and test payments; nothing real is charged",
        Recursive = true,
        DefaultValueFactory = _ => string.Equals(Environment.GetEnvironmentVariable("CONTROLPLANE_SANDBOX"), "true", StringComparison.OrdinalIgnoreCase),
    };
    static readonly Option<string?> Database = new("--database")
    {
        Description = "Connection string of a PostgreSQL to use instead of one of our own, e.g. \"Host=localhost;Username=postgres;Database=controlplane\"",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("CONTROLPLANE_DATABASE"),
        Recursive = true,
    };
    static readonly Option<DateTimeOffset?> Clock = new("--clock")
    {
        Description = "Where the sandbox clock starts, e.g. 2026-01-01T00:00:00Z",
        Recursive = true,
        CustomParser = argument =>
        {
            if (DateTimeOffset.TryParse(argument.Tokens[0].Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant))
            {
                return instant;
            }

            argument.AddError($"--clock is \"{argument.Tokens[0].Value}\": give an instant in UTC, e.g. 2026-01-01T00:00:00Z.");
            return null;
        },
    };

    public static Task<int> RunAsync(string[] args)
    {
        Port.Validators.Add(port =>
        {
            if (port.GetValueOrDefault<int>() is < 1 or > 65535)
            {
                port.AddError("--port must be between 1 and 65535.");
            }
        });
        var root = new RootCommand("CFS LLM Platform control plane: sells, provisions, meters and bills private LLM environments.")
        {
            Port, Data, Sandbox, Database, Clock,
            Command("serve", "Run everything in this process (the default)", Serve.RunAsync),
            Command("migrate", "Bring the database's schema up to date", Migrate.RunAsync),
            JobCommand(),
            DemoCommand.Create(GuardedAsync),
        };
        root.SetAction((parsed, ct) => GuardedAsync(parsed, Serve.RunAsync));
        root.Validators.Add(result =>
        {
            if (result.GetValue(Clock) is not null && !result.GetValue(Sandbox))
            {
                result.AddError("--clock needs --sandbox: the clock of a real installation cannot be set.");
            }
        });
        var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        return root.Parse(args).InvokeAsync(configuration);
    }

    static Command Command(string name, string does, Func<RunOptions, CancellationToken, Task> run)
    {
        var command = new Command(name, does);
        command.SetAction((parsed, ct) => GuardedAsync(parsed, run));
        return command;
    }

    static Command JobCommand()
    {
        var name = new Argument<string>("NAME") { Description = "As shown at /admin/jobs: billing, nightly, outbox, …" };
        var command = new Command("job", "Run one job now and say what it did") { name };
        command.SetAction((parsed, ct) => GuardedAsync(parsed, (options, stop) => RunJob.RunAsync(parsed.GetRequiredValue(name), options, stop)));
        return command;
    }

    static async Task<int> GuardedAsync(ParseResult parsed, Func<RunOptions, CancellationToken, Task> run)
    {
        var options = new RunOptions(
            parsed.GetValue(Port), parsed.GetRequiredValue(Data), parsed.GetValue(Sandbox), parsed.GetValue(Database), parsed.GetValue(Clock));
        using var stop = new CancellationTokenSource();
        using var interrupt = StopOn(PosixSignal.SIGINT, stop);
        using var terminate = StopOn(PosixSignal.SIGTERM, stop);
        using var hangUp = StopOn(PosixSignal.SIGHUP, stop);
        try
        {
            await run(options, stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 130;
        }
        catch (Exception e) when (CannotStartException.Explain(e) is { } line)
        {
            await Console.Error.WriteLineAsync(line);
            return 1;
        }
    }

    static PosixSignalRegistration StopOn(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });
}
