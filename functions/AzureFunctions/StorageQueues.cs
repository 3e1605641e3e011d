using Azure.Core;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions;

/// <summary>Queues of the storage account of the triggers, from the triggers' settings.</summary>
static class StorageQueues
{
    /// <returns>null if no account is set.</returns>
    public static QueueServiceClient? CreateClient(IConfiguration configuration, TokenCredential identity)
    {
        // Short, because a request waits for it.
        var options = new QueueClientOptions { Retry = { MaxRetries = 1, NetworkTimeout = TimeSpan.FromSeconds(2) } };
        return configuration["AzureWebJobsStorage:queueServiceUri"] is { Length: > 0 } address ? new QueueServiceClient(new Uri(address), identity, options)
            : configuration["AzureWebJobsStorage"] is { Length: > 0 } connection ? new QueueServiceClient(connection, options)
            : null;
    }
}
