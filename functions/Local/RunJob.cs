namespace ControlPlane.Local;

/// <summary><c>./run job NAME</c>: alongside a running server on the same data folder, or alone.</summary>
static class RunJob
{
    public static async Task RunAsync(string name, RunOptions options, CancellationToken ct)
    {
        await using var installation = await Installation.OpenAsync(options, join: true, ct);
        await using var app = LocalHost.Build(installation.Settings(), options.Port);
        await app.PrepareAsync(ct);
        var jobs = app.Services.GetRequiredService<JobCatalog>();
        var job = jobs.Find(name)
            ?? throw new CommandFailedException($"There is no job \"{name}\": choose {string.Join(", ", jobs.All.Select(known => known.Name).Order())}.");
        var result = await app.Services.GetRequiredService<JobRunner>().RunAsync(job, app.Services.GetRequiredService<Clock>().GetUtcNow(), ct);
        switch (result)
        {
            case JobResult.Finished { Report: var report }:
                Console.WriteLine($"{name}: done. {string.Join(", ", report.Counts.Select(count => $"{count.Key} {count.Value}"))}");
                foreach (var alert in report.Alerts)
                {
                    Console.WriteLine($"{name}: alert: {alert}");
                }

                break;
            case JobResult.AlreadyRunning:
                throw new CommandFailedException($"The job {name} is already running in another process.");
            case JobResult.Failed { Reason: var reason }:
                throw new CommandFailedException($"The job {name} failed: {reason}");
        }
    }
}
