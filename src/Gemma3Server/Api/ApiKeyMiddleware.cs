using System.Security.Cryptography;
using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;

namespace Gemma3Server.Api;

/// <summary>
/// Asks for one of the configured keys on the routes of the API, and notes whose request it is; without configured keys the API is open, and a key that
/// is sent all the same only says who sends it. Health and documentation are always open. The routes that load and unload models ask for an admin
/// key, and are closed where there is none: whoever may send requests is not thereby allowed to stop those of others.
/// </summary>
internal sealed class ApiKeyMiddleware(RequestDelegate next, HttpSettings settings)
{
    private const string Scheme = "Bearer ";

    // Hashes have one length, so that comparing them tells nothing about a key's.
    private readonly byte[][] _hashes = [.. settings.ApiKeys.Select(ClientIdentity.Hash)];
    private readonly byte[][] _adminHashes = [.. settings.AdminKeys.Select(ClientIdentity.Hash)];

    public Task InvokeAsync(HttpContext context)
    {
        var isForAdmins = ApiRoutes.NeedsAdminKey(context.Request.Path);
        if (!isForAdmins && !ApiRoutes.NeedsKey(context.Request.Path)) return next(context);
        var header = context.Request.Headers.Authorization.ToString();
        var hash = header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? ClientIdentity.Hash(header[Scheme.Length..].Trim()) : null;
        if (hash is not null) context.Features.Set(ClientIdentity.OfHash(hash));
        var hashes = isForAdmins ? _adminHashes : _hashes;
        if (hashes.Length == 0) return isForAdmins ? context.Response.WriteErrorAsync(OpenAiError.NoAdminKeys) : next(context);
        if (header.Length == 0)
        {
            return context.Response.WriteErrorAsync(OpenAiError.InvalidApiKey(
                "You didn't provide an API key. Send one in the header 'Authorization: Bearer KEY'."));
        }

        return hash is not null && IsKnown(hash, hashes)
            ? next(context)
            : context.Response.WriteErrorAsync(OpenAiError.InvalidApiKey("Incorrect API key provided."));
    }

    /// <summary>Compares with every key, in constant time each, so that time does not tell which one was near.</summary>
    private static bool IsKnown(byte[] hash, byte[][] hashes)
    {
        var known = false;
        foreach (var candidate in hashes) known |= CryptographicOperations.FixedTimeEquals(hash, candidate);
        return known;
    }
}
