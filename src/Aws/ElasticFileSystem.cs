using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Amazon;
using Amazon.Runtime;

namespace ControlPlane.Aws;

/// <summary>
/// The three EFS operations that provisioning uses, over its REST API (https://docs.aws.amazon.com/efs/latest/ug/api-reference.html).
/// Throttled calls and server errors are retried.
/// </summary>
sealed class ElasticFileSystem(HttpClient http, AWSCredentials credentials, RegionEndpoint region, TimeProvider clock)
{
    const int MaxAttempts = 6;
    const string AccessPoints = "/2015-02-01/access-points";

    readonly SigV4 _signer = new(region.SystemName, "elasticfilesystem");
    readonly ResiliencePipeline _retry = Retry.Create(MaxAttempts, attempt => IsTransient(attempt.Exception), clock);

    /// <exception cref="ElasticFileSystemException">For example <c>AccessPointAlreadyExists</c>, with the id, or <c>AccessPointLimitExceeded</c>.</exception>
    public async Task<AccessPoint> CreateAsync(NewAccessPoint point, CancellationToken ct) =>
        Read(await SendAsync(HttpMethod.Post, AccessPoints, JsonSerializer.SerializeToUtf8Bytes(point, EfsJson.Default.NewAccessPoint), ct), EfsJson.Default.AccessPoint);

    /// <param name="query"><c>AccessPointId=…</c> for one access point, <c>FileSystemId=…</c> for those of a file system.</param>
    public async Task<AccessPointPage> DescribeAsync(string query, CancellationToken ct) =>
        Read(await SendAsync(HttpMethod.Get, $"{AccessPoints}?{query}", [], ct), EfsJson.Default.AccessPointPage);

    public Task DeleteAsync(string id, CancellationToken ct) => SendAsync(HttpMethod.Delete, $"{AccessPoints}/{id}", [], ct);

    /// <returns>The response body.</returns>
    Task<byte[]> SendAsync(HttpMethod method, string path, byte[] body, CancellationToken ct) =>
        _retry.ExecuteAsync(async token => await SendOnceAsync(method, path, body, token), ct).AsTask();

    async Task<byte[]> SendOnceAsync(HttpMethod method, string path, byte[] body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, $"https://elasticfilesystem.{region.SystemName}.{region.PartitionDnsSuffix}{path}");
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        }

        // Signed for each attempt: a signature is valid for five minutes.
        var signer = await credentials.GetCredentialsAsync();
        _signer.Sign(request, body, signer, clock.GetUtcNow());
        using var response = await http.SendAsync(request, ct);
        var content = await response.Content.ReadAsByteArrayAsync(ct);
        return response.IsSuccessStatusCode ? content : throw Failure(response, content);
    }

    // Retries are safe: creation has a client token, and the other calls are idempotent. A TaskCanceledException is the client's timeout.
    static bool IsTransient(Exception? e) =>
        e is ElasticFileSystemException { Status: HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError } or HttpRequestException or TaskCanceledException;

    static ElasticFileSystemException Failure(HttpResponseMessage response, byte[] content)
    {
        var error = response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true
            ? Read(content, EfsJson.Default.EfsError)
            : new EfsError();
        var type = response.Headers.TryGetValues("x-amzn-ErrorType", out var types) ? types.First().Split(':')[0] : null;
        return new ElasticFileSystemException(response.StatusCode, error.ErrorCode ?? type ?? response.StatusCode.ToString(), error.Message, error.AccessPointId);
    }

    static T Read<T>(byte[] json, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(json, type) ?? throw new JsonException("EFS returned null.");
}

/// <param name="accessPointId">Set if the error concerns an access point.</param>
sealed class ElasticFileSystemException(HttpStatusCode status, string code, string? message, string? accessPointId) : Exception($"EFS: {code} ({(int)status}): {message}")
{
    public HttpStatusCode Status => status;
    public string Code => code;
    public string? AccessPointId => accessPointId;
}

sealed record AccessPoint(string AccessPointId, string LifeCycleState, string? ClientToken = null);

sealed record AccessPointPage(IReadOnlyList<AccessPoint> AccessPoints, string? NextToken = null);

sealed record NewAccessPoint(string ClientToken, string FileSystemId, PosixUser PosixUser, RootDirectory RootDirectory, IReadOnlyList<EfsTag> Tags);

sealed record PosixUser(int Uid, int Gid);

sealed record RootDirectory(string Path, CreationInfo CreationInfo);

sealed record CreationInfo(int OwnerUid, int OwnerGid, string Permissions);

sealed record EfsTag(string Key, string Value);

sealed record EfsError(string? ErrorCode = null, string? Message = null, string? AccessPointId = null);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(AccessPoint))]
[JsonSerializable(typeof(AccessPointPage))]
[JsonSerializable(typeof(NewAccessPoint))]
[JsonSerializable(typeof(EfsError))]
[JsonSerializable(typeof(AccessPointTemplate))]
sealed partial class EfsJson : JsonSerializerContext;
