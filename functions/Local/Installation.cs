namespace ControlPlane.Local;

/// <summary>An installation that is open: its data folder and its database, ours or another's.</summary>
public sealed class Installation : IAsyncDisposable
{
    readonly EmbeddedPostgres? _postgres;

    Installation(RunOptions options, DataDirectory data, EmbeddedPostgres? postgres) => (Options, Data, _postgres) = (options, data, postgres);

    public RunOptions Options { get; }
    public DataDirectory Data { get; }
    public string ConnectionString => _postgres?.ConnectionString ?? Options.Database!;

    /// <summary>Where the database is, for the person at the terminal: never with a password.</summary>
    public string DatabasePlace => _postgres is null ? "as given" : Data.At("postgres");

    /// <param name="join">Whether to use the database of a process that runs on the same data folder already, instead of refusing.</param>
    /// <exception cref="CannotStartException">The message says what to do.</exception>
    public static async Task<Installation> OpenAsync(RunOptions options, bool join, CancellationToken ct)
    {
        var data = DataDirectory.Open(options.Data);
        try
        {
            return new Installation(options, data, options.Database is null ? await EmbeddedAsync(data, join, ct) : null);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <summary>The settings that follow from the options; they win over the environment.</summary>
    public Dictionary<string, string?> Settings()
    {
        var settings = new Dictionary<string, string?>
        {
            ["CONTROLPLANE_DATABASE"] = ConnectionString,
            ["CONTROLPLANE_DATA"] = Data.Path,
            ["CONTROLPLANE_SANDBOX"] = Options.Sandbox ? "true" : "false",
        };
        if (Environment.GetEnvironmentVariable("CONTROLPLANE_PUBLIC_URL") is null)
        {
            settings["CONTROLPLANE_PUBLIC_URL"] = $"http://localhost:{Options.Port}";
        }

        return settings;
    }

    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }

        Data.Dispose();
    }

    static async Task<EmbeddedPostgres> EmbeddedAsync(DataDirectory data, bool join, CancellationToken ct)
    {
        if (data.TryOwn())
        {
            return await EmbeddedPostgres.StartAsync(data, durable: true, Console.WriteLine, ct);
        }

        return join
            ? EmbeddedPostgres.Join(data)
            : throw new CannotStartException($"{data.Path} is already in use by another process: stop that one, or choose another folder with --data.");
    }
}
