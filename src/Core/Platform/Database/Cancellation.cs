namespace ControlPlane.Platform.Database;

static class Cancellation
{
    /// <summary>
    /// Cancels on a thread of its own. Npgsql sends the cancel request and waits for the server's answer on the cancelling thread, so a server that hangs
    /// would block the threads that serve requests.
    /// </summary>
    public static void CancelOnDedicatedThread(this CancellationTokenSource source) =>
        _ = Task.Factory.StartNew(source.Cancel, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
