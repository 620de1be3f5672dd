using System.Security.Cryptography;
using System.Text;
using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;

namespace Gemma3Server.Api;

/// <summary>Asks for one of the configured keys on <c>/v1</c>; without configured keys the API is open. Health and documentation always are.</summary>
internal sealed class ApiKeyMiddleware(RequestDelegate next, HttpSettings settings)
{
    private const string Scheme = "Bearer ";

    // Hashes have one length, so that comparing them tells nothing about a key's.
    private readonly byte[][] _hashes = [.. settings.ApiKeys.Select(key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];

    public Task InvokeAsync(HttpContext context)
    {
        if (_hashes.Length == 0 || !context.Request.Path.StartsWithSegments("/v1")) return next(context);
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
        {
            return context.Response.WriteErrorAsync(OpenAiError.InvalidApiKey(
                "You didn't provide an API key. Send one in the header 'Authorization: Bearer KEY'."));
        }

        var isBearer = header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
        return isBearer && IsKnown(header[Scheme.Length..].Trim())
            ? next(context)
            : context.Response.WriteErrorAsync(OpenAiError.InvalidApiKey("Incorrect API key provided."));
    }

    /// <summary>Compares with every key, in constant time each, so that time does not tell which one was near.</summary>
    private bool IsKnown(string key)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        var known = false;
        foreach (var candidate in _hashes) known |= CryptographicOperations.FixedTimeEquals(hash, candidate);
        return known;
    }
}
