"""Builds with g++, or with the cross compiler that the environment's `custom_cross` names."""

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
cross = env.GetProjectOption("custom_cross", "")
env.Tool("gcc")
env.Tool("g++")
env.Replace(
    CC=cross + "gcc",
    CXX=cross + "g++",
    AR=cross + "ar",
    RANLIB=cross + "ranlib",
    SIZETOOL=cross + "size",
    SIZECHECKCMD="$SIZETOOL -B $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
)
env.Append(
    CFLAGS=env.GetProjectOption("custom_cflags", "").split(),
    CXXFLAGS=env.GetProjectOption("custom_cxxflags", "").split(),
)
if cross:  # linked with gcc: that compiler brings no C++ library
    env.Replace(PROGSUFFIX=".elf", LINK=cross + "gcc")
    script = env.GetProjectOption("custom_ldscript")
    env.Append(LINKFLAGS=["-nostartfiles", "-nostdlib", "-T", script], LIBS=["c", "gcc"])
elif "-fsanitize=address,undefined" in " ".join(env.GetProjectOption("build_flags", [])):
    env.Append(LINKFLAGS=["-fsanitize=address,undefined"])
program = env.BuildProgram()
run = env.VerboseAction("$SOURCE $PROGRAM_ARGS", "Executing $SOURCE")
AlwaysBuild(env.Alias("exec", program, run))
AlwaysBuild(env.Alias("upload", program, run))
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZEPRINTCMD", "Size of $SOURCE")))
Default([program])
