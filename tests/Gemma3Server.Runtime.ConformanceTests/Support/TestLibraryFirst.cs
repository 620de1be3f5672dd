using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>A process has one native library: where the tests are told which, it is loaded before any test loads the one built in.</summary>
internal static class TestLibraryFirst
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Test frameworks have nothing else that runs before all tests of an assembly.")]
    internal static void Load()
    {
        if (TestLibrary.Directory is { } folder) NativeLibraryLoader.Load(folder, NullLoggerFactory.Instance);
    }
}
