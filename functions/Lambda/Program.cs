using Amazon.Lambda.RuntimeSupport;

// Which of the functions this is, is a setting: all are one program, in one package.
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
            // Made in advance, so nobody waits for it.
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
