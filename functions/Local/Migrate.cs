namespace ControlPlane.Local;

/// <summary><c>./run migrate</c>.</summary>
static class Migrate
{
    public static async Task RunAsync(RunOptions options, CancellationToken ct)
    {
        await using var installation = await Installation.OpenAsync(options, join: true, ct);
        await using var app = LocalHost.Build(installation.Settings(), options.Port);
        var applied = await app.PrepareAsync(ct);
        Console.WriteLine(applied.Count == 0 ? "The schema is up to date." : $"Applied {string.Join(", ", applied)}.");
    }
}
