using System.Text.Json.Serialization;
using Amazon.Lambda.APIGatewayEvents;
using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Web;

/// <summary>A request by way of API Gateway, or messages of a queue: the function <c>usage</c> gets both, and reads either in one go.</summary>
sealed class GatewayEvent : APIGatewayHttpApiV2ProxyRequest
{
    /// <summary>Of a queue; null for a request.</summary>
    [JsonPropertyName("Records")]
    public List<SQSEvent.SQSMessage>? Records { get; init; }
}
