using Amazon.Lambda.RuntimeSupport;

// All functions are one program in one package; a setting selects the function.
await using var host = FunctionHost.FromEnvironment();
var start = Environment.GetEnvironmentVariable("AWS_LAMBDA_INITIALIZATION_TYPE");
if (start == "snap-start")
{
    Amazon.Lambda.Core.SnapshotRestore.RegisterBeforeSnapshot(async () => await host.WarmUpAsync(default));
    Amazon.Lambda.Core.SnapshotRestore.RegisterAfterRestore(async () => await host.PrepareAsync(default));
}

using var bootstrap = LambdaBootstrapBuilder.Create(host.HandleAsync)
    .UseBootstrapHandler(async () =>
    {
        if (start == "provisioned-concurrency")
        {
            // No request is waiting yet.
            await host.WarmUpAsync(default);
        }

        if (start != "snap-start")
        {
            await host.PrepareAsync(default);
        }

        return true;
    })
    .Build();
await bootstrap.RunAsync();
