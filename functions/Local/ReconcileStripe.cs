namespace ControlPlane.Local;

/// <summary><c>./run stripe reconcile</c>: alongside a running server on the same data folder, or alone. The job <c>nightly</c> does the same.</summary>
static class ReconcileStripe
{
    public static async Task RunAsync(RunOptions options, CancellationToken ct)
    {
        await using var installation = await Installation.OpenAsync(options, join: true, ct);
        await using var app = LocalHost.Build(installation.Settings(), options.Port);
        await app.PrepareAsync(ct);
        if (app.Services.GetRequiredService<PaymentProviders>().Find("stripe") is null)
        {
            throw new CommandFailedException("CONTROLPLANE_STRIPE_KEY is not set: there is nothing to compare with.");
        }

        JobReport report;
        try
        {
            report = await app.Services.GetRequiredService<ReconcilePayments>().RunAsync(ct);
        }
        catch (ProviderUnavailableException e)
        {
            throw new CommandFailedException($"{e.Message}. What was compared is done; run the command again.");
        }

        Console.WriteLine($"stripe reconcile: done. {string.Join(", ", report.Counts.Select(count => $"{count.Key} {count.Value}"))}");
        foreach (var alert in report.Alerts)
        {
            Console.WriteLine($"stripe reconcile: alert: {alert}");
        }
    }
}
