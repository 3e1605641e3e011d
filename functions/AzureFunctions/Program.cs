using ControlPlane.AzureFunctions;
using Azure.Identity;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
try
{
    builder.Services.AddSingleton(await CurrentApplication.StartAsync(
        builder.Configuration, new DefaultAzureCredential(), CancellationToken.None));
}
catch (SettingException e)
{
    await Console.Error.WriteLineAsync($"error: {e.Message}");
    return 1;
}

builder.Services.AddHostedService(services => services.GetRequiredService<CurrentApplication>());
await builder.Build().RunAsync();
return 0;
