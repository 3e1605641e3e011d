namespace ControlPlane.Local;

/// <summary>An open installation: its data folder and its database, embedded or external.</summary>
public sealed class Installation : IAsyncDisposable
{
    readonly EmbeddedPostgres? _postgres;

    readonly string _dataPlane;

    Installation(RunOptions options, DataDirectory data, EmbeddedPostgres? postgres, string dataPlane) =>
        (Options, Data, _postgres, _dataPlane) = (options, data, postgres, dataPlane);

    public RunOptions Options { get; }
    public DataDirectory Data { get; }
    public string ConnectionString => _postgres?.ConnectionString ?? Options.Database!;

    /// <summary>Location of the database, for display; never contains a password.</summary>
    public string DatabasePlace => _postgres is null ? "as configured" : Data.At("postgres");

    /// <param name="join">Whether to use the database of a process that already runs on the same data folder, instead of refusing.</param>
    /// <exception cref="CommandFailedException">The message says what to do.</exception>
    public static async Task<Installation> OpenAsync(RunOptions options, bool join, CancellationToken ct)
    {
        var data = DataDirectory.Open(options.Data);
        try
        {
            var dataPlane = Environment.GetEnvironmentVariable(ChooseDataPlane.Setting) ?? await ChooseDataPlane.DetectAsync(ct);
            return new Installation(options, data, options.Database is null ? await EmbeddedAsync(data, join, ct) : null, dataPlane);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <summary>The settings that follow from the options; they override the environment.</summary>
    public Dictionary<string, string?> Settings()
    {
        var settings = new Dictionary<string, string?>
        {
            ["CONTROLPLANE_DATABASE"] = ConnectionString,
            ["CONTROLPLANE_DATA"] = Data.Path,
            [ChooseDataPlane.Setting] = _dataPlane,
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
        if (data.TryLock())
        {
            return await EmbeddedPostgres.StartAsync(data, durable: true, Console.WriteLine, ct);
        }

        return join
            ? EmbeddedPostgres.Join(data)
            : throw new CommandFailedException($"{data.Path} is already in use by another process: stop it, or choose another folder with --data.");
    }
}
