using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using Gemma3Server.Api;
using Gemma3Server.Catalog;

namespace Gemma3Server.Hosting;

/// <summary>Reads <see cref="Gemma3ServerOptions"/> and finds all faults at once: unknown keys, wrong types, values out of bounds.</summary>
internal static partial class SettingsReader
{
    /// <summary>Returns the options, and one line per fault; with faults, the options are not to be used.</summary>
    public static (Gemma3ServerOptions Options, IReadOnlyList<string> Faults) Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(Gemma3ServerOptions.Section);
        var faults = new List<string>();
        CheckKeys(section, typeof(Gemma3ServerOptions), "", faults);
        if (faults.Count > 0) return (new(), [.. faults, .. Validate(section, faults)]);

        var options = section.Get<Gemma3ServerOptions>() ?? new();
        faults.AddRange(FindOutOfBounds(options, section));
        return (options, faults);
    }

    /// <summary>With faulty keys, the good ones are still checked: all faults at once.</summary>
    private static List<string> Validate(IConfigurationSection section, List<string> faults)
    {
        var good = section.AsEnumerable(makePathsRelative: true)
            .Where(pair => pair.Value is not null && !faults.Any(fault => IsAbout(fault, pair.Key)));
        var copy = new ConfigurationBuilder().AddInMemoryCollection(good).Build();
        return [.. FindOutOfBounds(copy.Get<Gemma3ServerOptions>() ?? new(), copy)];
    }

    private static bool IsAbout(string fault, string key)
    {
        var name = $"{Gemma3ServerOptions.Section}:{key}";
        return fault.StartsWith(name + " ", StringComparison.OrdinalIgnoreCase) || fault.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase);
    }

    private static void CheckKeys(IConfiguration section, Type type, string path, List<string> faults)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is { IsPublic: true }).ToList();
        foreach (var child in section.GetChildren())
        {
            var property = properties.Find(p => string.Equals(p.Name, child.Key, StringComparison.OrdinalIgnoreCase));
            var key = path + (property?.Name ?? child.Key);
            if (property is null)
            {
                faults.Add($"{SettingFlag.Describe(key)} is unknown{Suggest(child.Key, properties)}.");
            }
            else if (property.PropertyType.IsArray)
            {
                if (!string.IsNullOrEmpty(child.Value)) faults.Add($"{SettingFlag.Describe(key)} must be a list: set {key}:0, {key}:1, ...");
            }
            else if (property.PropertyType.IsGenericType && property.PropertyType.GetGenericTypeDefinition() == typeof(Dictionary<,>))
            {
                if (!string.IsNullOrEmpty(child.Value)) faults.Add($"{SettingFlag.Describe(key)} is a section, not a value.");
                foreach (var entry in child.GetChildren())
                {
                    if (!string.IsNullOrEmpty(entry.Value)) faults.Add($"{SettingFlag.Describe($"{key}:{entry.Key}")} is a section, not a value.");
                    CheckKeys(entry, property.PropertyType.GetGenericArguments()[1], $"{key}:{entry.Key}:", faults);
                }
            }
            else if (property.PropertyType.IsClass && property.PropertyType != typeof(string))
            {
                if (!string.IsNullOrEmpty(child.Value)) faults.Add($"{SettingFlag.Describe(key)} is a section, not a value.");
                CheckKeys(child, property.PropertyType, key + ":", faults);
            }
            else if (child.GetChildren().Any())
            {
                faults.Add($"{SettingFlag.Describe(key)} must be a single value.");
            }
            else if (child.Value is { } value && !IsConvertible(value, property.PropertyType))
            {
                faults.Add($"{SettingFlag.Describe(key)} must be {NameOf(property.PropertyType)}, but is '{value}'.");
            }
        }
    }

    private static string Suggest(string key, List<PropertyInfo> properties)
    {
        var near = properties.Find(p => p.Name.StartsWith(key[..Math.Min(3, key.Length)], StringComparison.OrdinalIgnoreCase));
        return near is null ? $"; known here: {string.Join(", ", properties.Select(p => p.Name))}" : $"; did you mean {near.Name}?";
    }

    private static bool IsConvertible(string value, Type type)
    {
        try
        {
            if (Nullable.GetUnderlyingType(type) is { } inner) return value.Length == 0 || IsConvertible(value, inner);
            return type == typeof(string) || TypeDescriptor.GetConverter(type).ConvertFromString(null, CultureInfo.InvariantCulture, value) is not null;
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException)
        {
            return false;
        }
    }

    private static string NameOf(Type type) => type == typeof(bool) ? "true or false" : type == typeof(bool?) ? "auto, true or false" : "a whole number";

    private static IEnumerable<string> FindOutOfBounds(Gemma3ServerOptions options, IConfiguration section)
    {
        var result = new Gemma3ServerOptionsValidator().Validate(null, options);
        foreach (var failure in result.Failures ?? [])
        {
            // "Port: The field Http.Port must be between 0 and 65535."
            var path = SettingPath.Match(failure).Value.Replace('.', ':');
            var bound = failure[(failure.IndexOf(path.Replace(':', '.'), StringComparison.Ordinal) + path.Length)..].Trim();
            yield return $"{SettingFlag.Describe(path)} {Bound(path, bound)}, but is '{section[path]}'.";
        }

        if (!TryAddress(options.Http.Host, out _))
            yield return $"{SettingFlag.Describe("Http:Host")} must be an IP address, localhost or *, but is '{options.Http.Host}'.";
        if (options.Http.ApiKeys.Any(string.IsNullOrWhiteSpace))
            yield return $"{SettingFlag.Describe("Http:ApiKeys")} (--api-key) must not contain an empty key.";
        foreach (var origin in options.Http.CorsOrigins.Where(origin => !CrossOrigin.IsOrigin(origin)))
        {
            yield return $"{SettingFlag.Describe("Http:CorsOrigins")} must be * or origins as browsers send them, such as "
                + $"https://example.org (no path, no slash at the end), but one is '{origin}'.";
        }

        if (options.Http.AdminKeys.Any(string.IsNullOrWhiteSpace))
            yield return $"{SettingFlag.Describe("Http:AdminKeys")} must not contain an empty key.";
        foreach (var fault in ServeCheck.FindFaults(options.Models)) yield return fault;
        foreach (var fault in CatalogCheck.FindFaults(options.Catalog)) yield return fault;
        if (options.Runtime.MicroBatchTokens > options.Runtime.BatchTokens)
        {
            yield return $"{SettingFlag.Describe("Runtime:MicroBatchTokens")} must be at most Runtime:BatchTokens "
                + $"({options.Runtime.BatchTokens}), but is {options.Runtime.MicroBatchTokens}.";
        }
    }

    private static string Bound(string path, string message)
    {
        var parts = path.Split(':');
        var allowed = typeof(Gemma3ServerOptions).GetProperty(parts[0])?.PropertyType.GetProperty(parts[^1])
            ?.GetCustomAttribute<System.ComponentModel.DataAnnotations.AllowedValuesAttribute>();
        return allowed is null ? message.TrimEnd('.') : $"must be one of {string.Join(", ", allowed.Values)}";
    }

    /// <summary>The address to listen on; null for <c>localhost</c>, which is two addresses.</summary>
    public static bool TryAddress(string host, out IPAddress? address)
    {
        address = host == "*" ? IPAddress.IPv6Any : null;
        return host is "*" or "localhost" || IPAddress.TryParse(host, out address);
    }

    [GeneratedRegex(@"(Models|Model|Runtime|Engine|Responses|Http)\.\w+")]
    private static partial Regex SettingPath { get; }
}
