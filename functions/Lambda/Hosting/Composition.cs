using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Hosting;

/// <summary>What is the same in every function.</summary>
static class Composition
{
    /// <summary>The only one that a function may write to; it is gone with the process.</summary>
    public const string TemporaryFolder = "/tmp/controlplane";

    /// <summary>A host without a web server, for functions that nobody calls by HTTP.</summary>
    public static HostApplicationBuilder NewHost(IConfiguration configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddConfiguration(configuration);
        return builder;
    }

    public static async Task<IHost> StartAsync(this HostApplicationBuilder builder, FunctionEnvironment around)
    {
        builder.Services.AddAws(around);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <summary>Elsewhere the application makes a missing key and keeps it on its disk. Here each process would have another one.</summary>
    /// <exception cref="SettingException">The key that secrets are sealed with is missing.</exception>
    public static void RequireSecretsKey(IConfiguration configuration)
    {
        if (string.IsNullOrEmpty(configuration["CONTROLPLANE_SECRETS_KEY"]))
        {
            throw new SettingException("CONTROLPLANE_SECRETS_KEY is not set: it belongs into the secret of CONTROLPLANE_SECRETS, and what is sealed with it cannot be opened without it.");
        }
    }

    /// <summary>Last, because what runs on AWS takes the place of what runs anywhere.</summary>
    public static void AddAws(this IServiceCollection services, FunctionEnvironment around)
    {
        services.AddAwsServices(around.Configuration);
        if (around.Configuration["CONTROLPLANE_SMTP"] is null or "" && around.Configuration["CONTROLPLANE_DATA"] == TemporaryFolder)
        {
            services.AddSingleton<IMailTransport, DisabledMailTransport>();
        }

        if (around.Configuration[ChooseDataPlane.Setting] is null or "")
        {
            services.AddSingleton<IDataPlane, UnsupportedDataPlane>();
        }

        around.ConfigureTestServices(services);
        services.AddSingleton<ProvisioningNotifier>();
        services.AddLogging(logging =>
        {
            logging.SetMinimumLevel(LogLevel.Warning).AddProvider(around.Log);
            logging.AddFilter("ControlPlane", LogLevel.Information);
            // Warns at every first start that its keys lie in the database unencrypted, as functions/Local has it.
            logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        });
    }
}
