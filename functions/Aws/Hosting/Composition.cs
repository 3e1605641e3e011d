using ControlPlane.Aws.Work;
using ControlPlane.AwsServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Aws.Hosting;

/// <summary>What is the same in every function.</summary>
static class Composition
{
    /// <summary>A host without a web server, for functions that nobody calls by HTTP.</summary>
    public static HostApplicationBuilder NewHost(IConfiguration configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddConfiguration(configuration);
        return builder;
    }

    /// <summary>Last, because what runs on AWS takes the place of what runs anywhere.</summary>
    public static void AddAws(this IServiceCollection services, Surroundings around)
    {
        services.AddAwsServices(around.Configuration);
        around.Bring(services);
        services.AddSingleton<Nudges>();
        services.AddLogging(logging =>
        {
            logging.SetMinimumLevel(LogLevel.Warning).AddProvider(around.Log);
            logging.AddFilter("ControlPlane", LogLevel.Information);
            // Warns at every first start that its keys lie in the database unencrypted, as functions/Local has it.
            logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        });
    }
}
