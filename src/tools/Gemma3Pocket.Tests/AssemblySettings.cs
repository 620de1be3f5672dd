using Xunit.Sdk;
using Xunit.v3;

// The number of libtorch's threads is the process's: one test at a time sets it.
[assembly: Parallelization(Mode = ParallelMode.None)]
