using Amazon.Lambda.Core;
using Amazon.Lambda.RuntimeSupport;
using ControlPlane.Aws.Hosting;

// Which of the functions this is, is a setting: all are one program, in one package.
await using var host = FunctionHost.FromEnvironment();
var fromSnapshot = Environment.GetEnvironmentVariable("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start";
if (fromSnapshot)
{
    SnapshotRestore.RegisterBeforeSnapshot(async () => await host.RehearseAsync(default));
    SnapshotRestore.RegisterAfterRestore(async () => await host.PrepareAsync(default));
}

using var bootstrap = LambdaBootstrapBuilder.Create(host.HandleAsync)
    .UseBootstrapHandler(async () =>
    {
        if (!fromSnapshot)
        {
            await host.PrepareAsync(default);
        }

        return true;
    })
    .Build();
await bootstrap.RunAsync();
