using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.SQS;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.AwsServices;

/// <summary>
/// What the control plane uses of AWS, each made when it is first asked for: a function pays at its start for nothing that it does not use.
/// Credentials come from where AWS' own tools look for them (environment, profile, role of the function or of the pod).
/// </summary>
public static class AwsServices
{
    /// <summary>Attempts after the first, for what is throttled or failed on AWS' side; with waits that double, about 20 s.</summary>
    const int MostRetries = 5;

    public static IServiceCollection AddAwsServices(this IServiceCollection services, IConfiguration configuration)
    {
        // The business clock may be a sandbox's: signatures and waits need the real time.
        var clock = TimeProvider.System;
        services.AddSingleton<AWSCredentials>(_ => DefaultAWSCredentialsIdentityResolver.GetCredentials());
        services.AddSingleton<IAmazonSQS>(s => new AmazonSQSClient(s.GetRequiredService<AWSCredentials>(), configuration.Client<AmazonSQSConfig>()));
        services.AddSingleton(s => new QueueSender(s.GetRequiredService<IAmazonSQS>(), clock));
        return services;
    }

    /// <exception cref="InvalidOperationException">No region is set.</exception>
    static TConfig Client<TConfig>(this IConfiguration configuration) where TConfig : ClientConfig, new() => new()
    {
        RegionEndpoint = configuration.Region(),
        RetryMode = RequestRetryMode.Standard,
        MaxErrorRetry = MostRetries,
    };

    static RegionEndpoint Region(this IConfiguration configuration) => RegionEndpoint.GetBySystemName(
        configuration["CONTROLPLANE_REGION"] ?? configuration["AWS_REGION"]
        ?? throw new InvalidOperationException("CONTROLPLANE_REGION is not set: give the AWS region, such as eu-central-1."));
}
