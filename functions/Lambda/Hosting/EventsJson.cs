using System.Text.Json.Serialization;
using Amazon.Lambda.APIGatewayEvents;
using Amazon.Lambda.Serialization.SystemTextJson;
using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Hosting;

/// <summary>Events and responses as JSON, without reflection because it would add to the cold start.</summary>
[JsonSerializable(typeof(GatewayEvent))]
[JsonSerializable(typeof(APIGatewayHttpApiV2ProxyResponse))]
[JsonSerializable(typeof(WorkEvent))]
[JsonSerializable(typeof(DatabaseEvent))]
[JsonSerializable(typeof(SQSBatchResponse))]
[JsonSerializable(typeof(JobResponse))]
[JsonSerializable(typeof(ProvisioningRequested))]
[JsonSerializable(typeof(Dictionary<string, string>))]
sealed partial class EventsJson : JsonSerializerContext
{
    static readonly SourceGeneratorLambdaJsonSerializer<EventsJson> Serializer = new();

    public static T Read<T>(Stream input) => Serializer.Deserialize<T>(input);

    public static MemoryStream Write<T>(T response)
    {
        var output = new MemoryStream();
        Serializer.Serialize(response, output);
        output.Position = 0;
        return output;
    }
}
