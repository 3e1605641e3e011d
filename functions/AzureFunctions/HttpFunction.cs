using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>Portal and API, under the same paths as in every host. The application does routing and authentication itself.</summary>
public sealed class HttpFunction(CurrentApplication application)
{
    [Function("http")]
    public Task ServeAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "post", "put", "patch", "delete", "options", Route = "{*path}")] HttpRequest request,
        FunctionContext function) =>
        application.ServeAsync(request.HttpContext, function.CancellationToken);
}
