namespace ControlPlane.Platform.Database;

static class Cancelling
{
    /// <summary>
    /// Cancels on a thread of its own. Npgsql asks the server to cancel and waits for its answer on the thread that cancels, so a server that hangs
    /// would hold up the threads that serve requests.
    /// </summary>
    public static void CancelOnDedicatedThread(this CancellationTokenSource source) =>
        _ = Task.Factory.StartNew(source.Cancel, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
