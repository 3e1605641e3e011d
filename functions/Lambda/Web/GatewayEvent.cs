using System.Text.Json.Serialization;
using Amazon.Lambda.APIGatewayEvents;
using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Web;

/// <summary>A request from API Gateway or messages from a queue: the function <c>usage</c> receives both.</summary>
sealed class GatewayEvent : APIGatewayHttpApiV2ProxyRequest
{
    /// <summary>Queue messages; null for a request.</summary>
    [JsonPropertyName("Records")]
    public List<SQSEvent.SQSMessage>? Records { get; init; }
}
