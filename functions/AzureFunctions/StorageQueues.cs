using Azure.Core;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions;

/// <summary>The queues of the storage account that the triggers use, by the settings that these use.</summary>
static class StorageQueues
{
    /// <returns>null without an account.</returns>
    public static QueueServiceClient? Of(IConfiguration configuration, TokenCredential identity)
    {
        // Somebody waits for the answer that this is a part of.
        var options = new QueueClientOptions { Retry = { MaxRetries = 1, NetworkTimeout = TimeSpan.FromSeconds(2) } };
        return configuration["AzureWebJobsStorage:queueServiceUri"] is { Length: > 0 } address ? new QueueServiceClient(new Uri(address), identity, options)
            : configuration["AzureWebJobsStorage"] is { Length: > 0 } connection ? new QueueServiceClient(connection, options)
            : null;
    }
}
