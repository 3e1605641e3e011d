using System.Text.Json.Serialization;
using Amazon.Lambda.APIGatewayEvents;
using Amazon.Lambda.Serialization.SystemTextJson;
using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Hosting;

/// <summary>The events and answers as JSON, without reflection: it is the first thing that happens in a new process.</summary>
[JsonSerializable(typeof(GatewayEvent))]
[JsonSerializable(typeof(APIGatewayHttpApiV2ProxyResponse))]
[JsonSerializable(typeof(WorkEvent))]
[JsonSerializable(typeof(DatabaseEvent))]
[JsonSerializable(typeof(SQSBatchResponse))]
[JsonSerializable(typeof(JobAnswer))]
[JsonSerializable(typeof(ProvisioningRequested))]
[JsonSerializable(typeof(Dictionary<string, string>))]
sealed partial class EventsJson : JsonSerializerContext
{
    static readonly SourceGeneratorLambdaJsonSerializer<EventsJson> s_serializer = new();

    public static T Read<T>(Stream input) => s_serializer.Deserialize<T>(input);

    public static MemoryStream Write<T>(T answer)
    {
        var output = new MemoryStream();
        s_serializer.Serialize(answer, output);
        output.Position = 0;
        return output;
    }
}
