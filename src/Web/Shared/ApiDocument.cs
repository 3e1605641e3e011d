using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;

namespace ControlPlane.Web.Shared;

/// <summary>The OpenAPI document as JSON. It is the same for every request and takes long to compute, so it is computed once.</summary>
sealed class ApiDocument(IServiceProvider services, IOptionsMonitor<OpenApiOptions> options)
{
    /// <summary>The version of the API.</summary>
    public const string Name = "v1";

    readonly Lock _gate = new();
    Task<byte[]>? _json;

    public Task<byte[]> ReadAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            if (_json is null or { IsFaulted: true })
            {
                _json = ComputeAsync();
            }

            return _json.WaitAsync(ct);
        }
    }

    async Task<byte[]> ComputeAsync()
    {
        var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name).GetOpenApiDocumentAsync(CancellationToken.None);
        using var json = new MemoryStream();
        await document.SerializeAsJsonAsync(json, options.Get(Name).OpenApiVersion, CancellationToken.None);
        return json.ToArray();
    }
}
