using System.Text.Json.Serialization;

namespace ControlPlane.Web.Usage;

/// <summary>What gateways ask and are answered, in generated code: on the way of every chat, and in the first request of a process. Names are the options'.</summary>
[JsonSerializable(typeof(AuthorizeRequest))]
[JsonSerializable(typeof(AuthorizationAnswer))]
[JsonSerializable(typeof(IngestReply))]
[JsonSerializable(typeof(StreamReply))]
sealed partial class GatewayJson : JsonSerializerContext;
