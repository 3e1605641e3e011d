namespace ControlPlane.Tests.Support;

/// <summary>The files in a server's spool.</summary>
static class Spool
{
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(3);

    public static string[] PendingFiles(string dataFolder) => Files(Path.Combine(dataFolder, "spool"));

    public static string[] FailedFiles(string dataFolder) => Files(Path.Combine(dataFolder, "spool", "failed"));

    public static async Task WaitUntilEmptyAsync(string dataFolder)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        while (PendingFiles(dataFolder).Length > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), timeout.Token);
        }
    }

    static string[] Files(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder, "*.json.gz") : [];
}
