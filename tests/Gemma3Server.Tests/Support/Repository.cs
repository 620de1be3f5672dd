using System.Reflection;

namespace Gemma3Server.Tests.Support;

/// <summary>The source tree that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "RepositoryRoot").Value!;

    public static string Clients => Path.Combine(Root, "tests", "Gemma3Server.Tests", "clients");

    public static string Reference => Path.Combine(Root, "tests", "Gemma3Server.Tests", "reference");

    /// <summary>C# files below a folder, without build output; paths relative to the root, with forward slashes.</summary>
    public static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Any(part => part is "obj" or "bin" or "node_modules"));

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));
}
