using Gemma3Server.Catalog;

namespace Gemma3Server.Hosting;

/// <summary>Lets <c>Model:Path</c> be the name of a pulled model.</summary>
internal static class NamedModel
{
    /// <summary>The settings with the file of the model that is named, and with the name as the model's id unless one is given.</summary>
    /// <param name="options">Checked settings.</param>
    /// <param name="fault">Why the name means no file; null where it does, or where it is a path.</param>
    public static Gemma3ServerOptions Locate(Gemma3ServerOptions options, out string? fault)
    {
        var name = options.Model.Path;
        if (Locate(options, name, out fault) is not { } path || path == name) return options;
        return options with { Model = options.Model with { Path = path, Id = string.IsNullOrWhiteSpace(options.Model.Id) ? name : options.Model.Id } };
    }

    /// <summary>The file of a model that is named; a path is returned as it is. A file that exists is never taken for a name.</summary>
    /// <param name="options">Checked settings.</param>
    /// <param name="name">A name or a path.</param>
    /// <param name="fault">Why the name means no file; null where it does, or where it is a path.</param>
    public static string? Locate(Gemma3ServerOptions options, string? name, out string? fault)
    {
        fault = null;
        if (string.IsNullOrWhiteSpace(name) || File.Exists(name) || Directory.Exists(name)) return name;
        var catalog = new ModelCatalog(options.Catalog);
        var reference = ModelReference.Read(catalog, name);
        var directory = options.Models.Effective;
        if (directory.Length > 0 && reference?.Locate(new(directory)) is { } path) return path;
        if (reference?.Match is not null || (reference is not null && !name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)))
        {
            var size = reference.Match?.Sources.First().Value.File.Bytes is > 0 and var bytes ? $" ({ByteText.Of(bytes)})" : "";
            fault = $"The model '{name}'{size} has not been pulled into '{directory}'. Get it with: gemma3server pull {name}";
        }
        else if (catalog.Near(name) is { Count: > 0 } near)
        {
            fault = $"There is no file and no model '{name}' (Gemma3:Model:Path); did you mean {string.Join(" or ", near)}?";
        }

        return name;
    }
}
