namespace ControlPlane.Tests.Support;

/// <summary>The spool of a server, looked at from outside.</summary>
static class Spool
{
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static string[] Waiting(string dataFolder) => Files(Path.Combine(dataFolder, "spool"));

    public static string[] Failed(string dataFolder) => Files(Path.Combine(dataFolder, "spool", "failed"));

    public static async Task EmptyAsync(string dataFolder)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (Waiting(dataFolder).Length > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), patience.Token);
        }
    }

    static string[] Files(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder, "*.json.gz") : [];
}
