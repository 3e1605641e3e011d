using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Amazon.Runtime;

namespace ControlPlane.Tests.Aws;

/// <summary>
/// Exchanges with a service, from a file in Exchanges/, in the JSON of the service's API reference. Requests must match the recorded ones, in order.
/// A string that begins with <c>$</c> in a request matches any string, and the same one at each occurrence.
/// </summary>
sealed class Recording
{
    static readonly JsonSerializerOptions AwsJson = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        PropertyNameCaseInsensitive = true,
        Converters = { new UnixTime(), new Constant() },
    };

    readonly Queue<JsonNode> _exchanges;
    readonly Dictionary<string, string> _placeholders = [];

    Recording(IEnumerable<JsonNode?> exchanges) => _exchanges = new(exchanges.Select(exchange => exchange!));

    public static Recording Of(string file, [CallerFilePath] string here = "") =>
        new(JsonNode.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "Exchanges", file)))!.AsArray());

    public TService Replay<TService>() where TService : class => Substitute.For<TService>((operation, request) => Task.FromResult(Respond(operation, request)));

    public void AssertAllUsed() => Assert.Empty(_exchanges.Select(exchange => (string?)exchange["operation"]));

    object Respond(string operation, object request)
    {
        Assert.True(_exchanges.TryDequeue(out var exchange), $"{operation} was called, but no further exchange is recorded.");
        var type = request.GetType();
        var sent = JsonSerializer.SerializeToNode(request, type, AwsJson)!;
        Assert.Equal((string?)exchange["operation"], operation);
        Assert.Equal(exchange["request"]!.ToJsonString(), Match(sent, exchange["request"]!)!.ToJsonString());
        if (exchange["error"] is { } error)
        {
            throw (Exception)Activator.CreateInstance(Model(type, (string)error["__type"]!), (string)error["message"]!)!;
        }

        return exchange["response"].Deserialize(Model(type, $"{operation}Response"), AwsJson)!;
    }

    static Type Model(Type request, string name) => request.Assembly.GetType($"{request.Namespace}.{name}", throwOnError: true)!;

    // The request in the order of the recorded one, with placeholders instead of the strings that they match.
    JsonNode? Match(JsonNode? sent, JsonNode? recorded)
    {
        switch (sent, recorded)
        {
            case (JsonObject values, JsonObject pattern):
                var inOrder = pattern.Select(property => property.Key).Where(values.ContainsKey)
                    .Concat(values.Select(property => property.Key).Where(key => !pattern.ContainsKey(key)));
                return new JsonObject(inOrder.Select(key => KeyValuePair.Create(key, Match(values[key], pattern[key]))));
            case (JsonArray values, JsonArray pattern):
                return new JsonArray([.. values.Select((value, i) => Match(value, i < pattern.Count ? pattern[i] : null))]);
            case (JsonValue value, JsonValue pattern) when pattern.GetValueKind() == JsonValueKind.String && ((string)pattern!).StartsWith('$'):
                var name = (string)pattern!;
                return _placeholders.TryAdd(name, (string)value!) || _placeholders[name] == (string)value! ? name : value.DeepClone();
            default:
                return sent?.DeepClone();
        }
    }

    sealed class UnixTime : JsonConverter<DateTime>
    {
        public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            DateTimeOffset.FromUnixTimeMilliseconds((long)(reader.GetDouble() * 1000)).UtcDateTime;

        public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) => throw new NotSupportedException();
    }

    // The SDK's open enumerations, such as the status of a cluster.
    sealed class Constant : JsonConverter<ConstantClass>
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsSubclassOf(typeof(ConstantClass));

        public override ConstantClass Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            (ConstantClass)Activator.CreateInstance(typeToConvert, reader.GetString())!;

        public override void Write(Utf8JsonWriter writer, ConstantClass value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
    }
}
