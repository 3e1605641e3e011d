using System.Text.Json.Serialization;

namespace ControlPlane.Web.Usage;

/// <summary>Source-generated JSON for the gateway routes, which are on the path of every chat and often serve a process's first request. Naming comes from the options.</summary>
[JsonSerializable(typeof(AuthorizeRequest))]
[JsonSerializable(typeof(AuthorizationAnswer))]
[JsonSerializable(typeof(UsageReply))]
sealed partial class GatewayJson : JsonSerializerContext;
