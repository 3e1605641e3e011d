using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions;

/// <summary>Portal and API, under the addresses they have everywhere: the application routes, and asks for keys and sessions itself.</summary>
public sealed class HttpFunction(CurrentApplication application)
{
    [Function("http")]
    public Task ServeAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "post", "put", "patch", "delete", "options", Route = "{*path}")] HttpRequest request,
        FunctionContext function) =>
        application.ServeAsync(request.HttpContext, function.CancellationToken);
}
