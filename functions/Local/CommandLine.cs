using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ControlPlane.Local;

/// <summary><c>./run [COMMAND] [options]</c>. Options may come before or after the command.</summary>
static class CommandLine
{
    static readonly Option<int> Port = new("--port") { Description = "Port to listen on", DefaultValueFactory = _ => 8080, Recursive = true };
    internal static readonly Option<string> Data = new("--data")
    {
        Description = "Folder for the database, keys, mail and rendered environments",
        Recursive = true,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("CONTROLPLANE_DATA") ?? ".local",
    };
    static readonly Option<bool> Sandbox = new("--sandbox")
    {
        Description = "Test clock and test payments; nothing real is charged",
        Recursive = true,
        DefaultValueFactory = _ => string.Equals(Environment.GetEnvironmentVariable("CONTROLPLANE_SANDBOX"), "true", StringComparison.OrdinalIgnoreCase),
    };
    internal static readonly Option<string?> Database = new("--database")
    {
        Description = "Connection string of an existing PostgreSQL to use instead of the embedded one, e.g. \"Host=localhost;Username=postgres;Database=controlplane\"",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("CONTROLPLANE_DATABASE"),
        Recursive = true,
    };
    static readonly Option<DateTimeOffset?> Clock = new("--clock")
    {
        Description = "Time at which the sandbox clock starts, e.g. 2026-01-01T00:00:00Z",
        Recursive = true,
        CustomParser = argument =>
        {
            if (DateTimeOffset.TryParse(argument.Tokens[0].Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant))
            {
                return instant;
            }

            argument.AddError($"--clock is \"{argument.Tokens[0].Value}\": use a UTC time such as 2026-01-01T00:00:00Z.");
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
            Command("migrate", "Bring the database schema up to date", Migrate.RunAsync),
            JobCommand(),
            new Command("stripe", "Payments at Stripe") { Command("reconcile", "Compare the payments of the last 35 days on both sides and cancel abandoned ones", ReconcileStripe.RunAsync) },
        };
        root.SetAction((parsed, ct) => GuardedAsync(parsed, Serve.RunAsync));
        root.Validators.Add(result =>
        {
            if (result.GetValue(Clock) is not null && !result.GetValue(Sandbox))
            {
                result.AddError("--clock needs --sandbox: the clock of a real installation cannot be set.");
            }
        });
        return InvokeAsync(root, args);
    }

    /// <summary>Signals and exceptions are handled by <see cref="GuardedAsync(Func{CancellationToken, Task})"/>.</summary>
    internal static Task<int> InvokeAsync(RootCommand root, string[] args) =>
        root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });

    static Command Command(string name, string does, Func<RunOptions, CancellationToken, Task> run)
    {
        var command = new Command(name, does);
        command.SetAction((parsed, ct) => GuardedAsync(parsed, run));
        return command;
    }

    static Command JobCommand()
    {
        var name = new Argument<string>("NAME") { Description = "As shown at /admin/jobs: billing, nightly, mail, …" };
        var command = new Command("job", "Run one job now and report what it did") { name };
        command.SetAction((parsed, ct) => GuardedAsync(parsed, (options, stop) => RunJob.RunAsync(parsed.GetRequiredValue(name), options, stop)));
        return command;
    }

    static Task<int> GuardedAsync(ParseResult parsed, Func<RunOptions, CancellationToken, Task> run) => GuardedAsync(ct => run(
        new RunOptions(parsed.GetValue(Port), parsed.GetRequiredValue(Data), parsed.GetValue(Sandbox), parsed.GetValue(Database), parsed.GetValue(Clock)), ct));

    /// <summary>Runs a command until it ends or the process is asked to stop.</summary>
    /// <returns>The exit code: 0; 1 after one line that says what to fix; 130 when it was stopped.</returns>
    internal static async Task<int> GuardedAsync(Func<CancellationToken, Task> run)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = StopOn(PosixSignal.SIGINT, stop);
        using var terminate = StopOn(PosixSignal.SIGTERM, stop);
        using var hangUp = StopOn(PosixSignal.SIGHUP, stop);
        try
        {
            await run(stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 130;
        }
        catch (Exception e) when (CommandFailedException.Explain(e) is { } line)
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
